/** A question of who may connect that gets no answer ends the connection; aedes would keep it open for ever. */
import type { AuthenticateError } from 'aedes'
import { type Counters, count } from '../../telemetry/counters.ts'
import { limits } from '../../telemetry/limits.ts'
import type { Mend } from './mend.ts'

const serverUnavailable = 3

export const limitAuthentication = (counters: Counters, msMax: number = limits.authenticateMsMax): Mend => ({
  options(options) {
    const { authenticate } = options
    if (authenticate === undefined) return options
    return {
      ...options,
      authenticate(client, username, password, done) {
        let isDone = false
        const timer = setTimeout(() => {
          isDone = true
          count(counters.refused, 'authentication_timeout')
          const error = new Error(`no answer within ${msMax} ms`)
          done(Object.assign(error, { returnCode: serverUnavailable }) as AuthenticateError, false)
        }, msMax)
        // By aedes' rule `this` is the broker.
        authenticate.call(this, client, username, password, (error, isGranted) => {
          clearTimeout(timer)
          if (!isDone) done(error, isGranted)
          isDone = true
        })
      },
    }
  },
})
