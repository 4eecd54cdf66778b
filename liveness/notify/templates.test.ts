import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { limits } from '../../telemetry/limits.ts'
import { createActionLinks } from './actions.ts'
import { atMs, chartFake, notificationOf, parcelOf } from './notification.fake.ts'
import { createTemplates } from './templates.ts'

const templatesOf = (title = '', text = '', publicUrl = 'https://dewpoint.example') =>
  createTemplates({
    config: { name: 'ops', title, text },
    publicUrl,
    links: createActionLinks(randomBytes(32), publicUrl),
    nowMs: () => atMs,
  })
const contentOf = (...given: Parameters<typeof notificationOf>) =>
  templatesOf().contentOf(parcelOf(notificationOf(...given)))

test('template fills in every name', () => {
  const all = '{title}|{why}|{severity}|{value}|{unit}|{site}|{device}|{rule}|{since}|{url}|{other}'
  const { title } = templatesOf(all).contentOf(parcelOf(notificationOf('fired', { title: 'T', why: 'W' })))
  expect(title).toBe(
    'T|W|critical|2.31|V|north|well-3|offline|2026-11-24 14:01 UTC|https://dewpoint.example/#/alerts/a1|{other}',
  )
})

test('template takes nothing in a value for a name', () => {
  const { title } = templatesOf('{title}').contentOf(
    parcelOf(notificationOf('fired', { title: '{why} $& {constructor}' })),
  )
  expect(title).toBe('{why} $& {constructor}')
})

test('content says by its title what kind of news it is', () => {
  expect(contentOf('fired').title).toBe('well-3 is offline')
  expect(contentOf('resolved').title).toBe('Over: well-3 is offline')
  expect(contentOf('reminder').title).toBe('Still: well-3 is offline')
  expect(contentOf('escalated').title).toBe('Not acknowledged: well-3 is offline')
  const told = [{ notification: notificationOf('resolved'), isWhole: true }]
  expect(templatesOf().contentOf({ told, dropped: 0, reason: 'many' }).title).toBe('Came and went: well-3 is offline')
})

test('content offers actions as long as there is something to do', () => {
  const actionsOf = (...given: Parameters<typeof notificationOf>) =>
    contentOf(...given).actions.map(({ action }) => action)
  expect(actionsOf('fired')).toEqual(['acknowledge', 'mute'])
  expect(actionsOf('resolved')).toEqual([])
  expect(actionsOf('test')).toEqual([])
  expect(actionsOf('reminder', { acknowledged: { by: 'me', atMs, note: '' } })).toEqual([])
})

test('content has neither links nor actions when nobody has said where the page is reached', () => {
  const content = templatesOf('', '', '').contentOf(parcelOf(notificationOf()))
  expect([content.url, content.actions]).toEqual(['', []])
})

test('content carries a picture when there is something to draw', () => {
  expect(contentOf('fired').chart).toBeNull()
  expect(Buffer.from(contentOf('fired', {}, chartFake).chart ?? []).toString('latin1')).toMatch(/^\x89PNG/)
})

test('content is one line of title, bounded, without what would move a cursor', () => {
  const { title, text } = contentOf('fired', {
    title: `a\r\nBcc: x\u202e${'y'.repeat(5_000)}`,
    why: `b\n\u001b[31m${'z'.repeat(5_000)}`,
  })
  expect(title).toMatch(/^a Bcc: x\\u\{202e\}y+…$/)
  expect(Array.from(title)).toHaveLength(limits.notificationTitleCharsMax)
  expect(Array.from(text)).toHaveLength(limits.notificationTextCharsMax)
  expect(text.startsWith('b\n\\u{1b}[31m')).toBe(true)
})

test('digest names the first ones, how many more there are, and how many were dropped', () => {
  const some = Array.from({ length: 25 }, (_, id) =>
    notificationOf('fired', { id: `${id}`, title: `n${id}`, severity: id === 24 ? 'critical' : 'info' }),
  )
  const content = templatesOf().contentOf({ ...parcelOf(...some), dropped: 3, reason: 'unreachable' })
  expect(content.title).toBe('25 alerts while you could not be reached')
  expect(content.severity).toBe('critical')
  const lines = content.text.split('\n')
  expect(lines[0]).toBe('info: n0')
  expect(lines.slice(-2)).toEqual(['and 5 more', '3 older ones were dropped'])
  expect(lines).toHaveLength(22)
})
