/** What must hold between values of the file: who can reach the listeners, and which topics and addresses are taken. */
import { topicPattern } from '../telemetry/topic.ts'
import { type Address, httpAddress, isLoopback, mqttAddress } from './address.ts'
import type { Sound } from './check.ts'
import type { Problems } from './problems.ts'
import type { ConfigFile } from './schema.ts'

type Listener = Address & { path: string; text: string }

export function checkRelations(file: Sound<ConfigFile>, problems: Problems): void {
  const brokerListeners = (file.broker?.listen ?? []).flatMap((text, i) =>
    listener(`broker.listen[${i}]`, text, mqttAddress),
  )
  const httpListeners = listener('http.listen', file.http?.listen, httpAddress)
  // A key that is there but has a problem is undefined: what was meant is not known, so nothing is said about it.
  const hasCredentials = file.broker !== undefined && 'credentials' in file.broker
  if (file.broker?.anonymous === false && !hasCredentials) {
    const waysOut = 'where anyone could publish: give broker.credentials, or say broker.anonymous: true'
    reportReachable(brokerListeners, waysOut, problems)
  }
  if (file.http?.anonymous === false) {
    const waysOut =
      'where anyone could see it, the page has no sign-in yet: listen on 127.0.0.1, or say http.anonymous: true'
    reportReachable(httpListeners, waysOut, problems)
  }
  reportTakenAddresses([...brokerListeners, ...httpListeners], problems)
  reportTakenTopics(file, problems)
}

function listener(path: string, text: string | undefined, parse: (text: string) => Address | null): Listener[] {
  const address = text === undefined ? null : parse(text)
  return text === undefined || address === null ? [] : [{ ...address, path, text }]
}

function reportReachable(listeners: Listener[], waysOut: string, problems: Problems): void {
  for (const { host, path, text } of listeners) {
    if (isLoopback(host)) continue
    problems.add(path, `${problems.given(path, text, false)} listens beyond loopback, ${waysOut}`)
  }
}

function reportTakenAddresses(listeners: Listener[], problems: Problems): void {
  const takenBy = new Map<string, string>()
  for (const { host, port, path, text } of listeners) {
    const address = `${host.toLowerCase()} ${port}`
    const first = takenBy.get(address)
    // Port 0 is a different one each time.
    if (first === undefined || port === 0) takenBy.set(address, path)
    else problems.add(path, `${problems.given(path, text, false)} is the address of ${first} already`)
  }
}

/** Of two routes with the same filter the second would never see a message; the same holds beside the status topic. */
function reportTakenTopics(file: Sound<ConfigFile>, problems: Problems): void {
  const takenBy = new Map<string, string>()
  const status = file.broker?.status
  if (status !== undefined) takenBy.set(topicPattern(status).filter, 'broker.status')
  for (const [i, route] of (file.routes ?? []).entries()) {
    if (route?.topic === undefined) continue
    const { filter } = topicPattern(route.topic)
    const path = `routes[${i}].topic`
    const first = takenBy.get(filter)
    if (first === undefined) {
      takenBy.set(filter, path)
      continue
    }
    const line = problems.places.get(first)?.line
    const where = `${first}${line === undefined ? '' : ` in line ${line}`}`
    // A default route collides only with a status topic that the file names.
    const isNamed = problems.places.has(path)
    const given = isNamed
      ? problems.given(path, route.topic, false)
      : `the default route ${JSON.stringify(route.topic)}`
    problems.add(isNamed ? path : first, `${given} matches the same topics as ${where}, so it would see no message`)
  }
}
