import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { createActionLinks } from './actions.ts'
import { atMs } from './notification.fake.ts'

const links = createActionLinks(randomBytes(32), 'https://dewpoint.example')
const tokenOf = (url: string) => url.slice(url.lastIndexOf('/') + 1)
const token = tokenOf(links.url('offline/north', 'mute', 'ops', atMs))

test('action link grants the action of its alert, to the end of its time', () => {
  const expiresAtMs = atMs + limits.actionLinkMsMax
  expect(links.verify(token, expiresAtMs)).toEqual({ alert: 'offline/north', action: 'mute', by: 'ops', expiresAtMs })
  expect(links.verify(token, expiresAtMs + 1)).toMatchObject({ code: 'bad_time' })
})

test('action link is worth nothing when any of its characters is another', () => {
  for (let index = 0; index < token.length; index++) {
    const other = token[index] === 'A' ? 'B' : 'A'
    const changed = token.slice(0, index) + other + token.slice(index + 1)
    const verified = links.verify(changed, atMs)
    // The last character of a base64url text may hold bits that mean nothing.
    if (index === token.length - 1 && 'alert' in verified) expect(verified.alert).toBe('offline/north')
    else expect(verified, changed).toMatchObject({ code: 'bad_payload' })
  }
})

test.each(['', '.', 'a.b', `${token}.x`, `${token}${'A'.repeat(2_000)}`, '\0.\0', token.split('.')[0] as string])(
  'action link %j is refused',
  (given) => {
    expect(links.verify(given, atMs)).toMatchObject({ code: 'bad_payload' })
  },
)

test('action link of another key is refused', () => {
  const other = createActionLinks(randomBytes(32), 'https://dewpoint.example')
  expect(links.verify(tokenOf(other.url('a', 'mute', 'ops', atMs)), atMs)).toMatchObject({ code: 'bad_payload' })
})

test('no action link is made when nobody has said where the page is reached', () => {
  expect(createActionLinks(randomBytes(32), '').url('a', 'mute', 'ops', atMs)).toBe('')
})
