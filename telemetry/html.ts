/** Text of devices and people in HTML, as content or within quotes. */

export const entities: { readonly [char: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export const html = (text: string): string => text.replace(/[&<>"']/g, (char) => entities[char] as string)
