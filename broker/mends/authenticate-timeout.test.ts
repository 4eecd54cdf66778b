import type { AedesOptions } from 'aedes'
import { expect, test } from 'vitest'
import { createCounters } from '../../telemetry/counters.ts'
import { limitAuthentication } from './authenticate-timeout.ts'

type Authenticate = NonNullable<AedesOptions['authenticate']>
const ask = (authenticate: Authenticate, counters = createCounters()) => {
  const options = limitAuthentication(counters, 30).options?.({ authenticate }) as { authenticate: Authenticate }
  const answers: unknown[] = []
  options.authenticate.call({} as never, {} as never, 'user', undefined, (error, isGranted) =>
    answers.push([error?.returnCode ?? null, isGranted]),
  )
  return answers
}
const later = () => new Promise((resolve) => setTimeout(resolve, 80))

test('client is told to try later when nobody says in time whether it may connect', async () => {
  const counters = createCounters()
  let answer: Parameters<Authenticate>[3] = () => {}
  const answers = ask((_client, _user, _password, done) => {
    answer = done
  }, counters)
  await later()
  answer(null, true)
  expect(answers).toEqual([[3, false]])
  expect(counters.refused).toEqual({ authentication_timeout: 1 })
})

test('client is told what was said in time, once', async () => {
  const answers = ask((_client, _user, _password, done) => done(null, true))
  await later()
  expect(answers).toEqual([[null, true]])
})
