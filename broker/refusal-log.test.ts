import { Writable } from 'node:stream'
import pino from 'pino'
import { expect, test } from 'vitest'
import { limits } from '../telemetry/limits.ts'
import { createRefusalLog } from './refusal-log.ts'

test('refusal log writes so many lines a second, and tells how many it left out', () => {
  const lines: Array<{ code: string; client: string; leftOut?: number }> = []
  const stream = new Writable({
    write(chunk, _, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  let now = 5_000
  const refused = createRefusalLog(pino(stream), () => now)
  for (let i = 0; i < limits.refusalLogsPerS + 90; i++) refused('topic_denied', { client: `c${i}` })
  now = 6_000
  refused('bad_credentials', { client: 'last' })
  refused('bad_credentials', { client: 'last' })
  expect(lines).toHaveLength(limits.refusalLogsPerS + 2)
  expect(lines[0]).toMatchObject({ code: 'topic_denied', client: 'c0' })
  expect(lines.at(-2)).toMatchObject({ code: 'bad_credentials', leftOut: 90 })
  expect(lines.at(-1)).not.toHaveProperty('leftOut')
})
