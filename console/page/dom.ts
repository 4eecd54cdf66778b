/** Small helpers for the document. Text always goes in as text: names and payloads come from devices nobody vouches for. */

export function byId<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`index.html has no element with the id "${id}"`)
  return found as Kind
}

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  ...content: Array<Node | string>
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  made.className = className
  made.append(...content)
  return made
}

/** Writes only what changed: an equal write would still cost a layout, and make a screen reader speak again. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

/** What a section shows instead of its content: what is the matter, and what to do about it. */
export type Notice = {
  title: string
  hint?: string
  kind?: 'loading' | 'problem'
  action?: [label: string, run: () => void]
}

const actions = new WeakMap<HTMLElement, () => void>()

/** Written in place: a button that is made anew each second would lose the focus, and the click that is on its way. */
export function setNotice(target: HTMLElement, notice: Notice | null): void {
  target.hidden = notice === null
  if (notice === null) return
  if (target.childElementCount === 0) {
    const button = element('button', 'button')
    button.type = 'button'
    button.addEventListener('click', () => actions.get(target)?.())
    target.append(element('p', 'notice-title'), element('p', 'notice-hint'), button)
  }
  const [title, hint, button] = target.children as unknown as [HTMLElement, HTMLElement, HTMLElement]
  const [label, run] = notice.action ?? ['', () => {}]
  target.dataset.kind = notice.kind ?? 'empty'
  actions.set(target, run)
  setText(title, notice.title)
  setText(hint, notice.hint ?? '')
  setText(button, label)
  button.hidden = label === ''
}

/** A row of radio buttons drawn as one control: arrow keys and names come from the browser. */
export function setSegments(
  fieldset: HTMLElement,
  name: string,
  options: Array<{ value: string; label: string }>,
  chosen: string,
  choose: (value: string) => void,
): void {
  const inputs = [...fieldset.querySelectorAll('input')]
  const isSame = inputs.length === options.length && inputs.every((input, i) => input.value === options[i]?.value)
  if (!isSame) {
    for (const label of fieldset.querySelectorAll('label')) label.remove()
    for (const option of options) {
      const input = element('input', 'visually-hidden')
      input.type = 'radio'
      input.name = name
      input.value = option.value
      input.addEventListener('change', () => choose(input.value))
      fieldset.append(element('label', 'segment', input, element('span', '', option.label)))
    }
  }
  for (const input of fieldset.querySelectorAll('input')) input.checked = input.value === chosen
}
