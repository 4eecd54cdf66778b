/** What must hold between values of the file: who can reach the listeners, and what is taken already. */
import type { FieldType } from '../telemetry/point.ts'
import { type Sound, whole } from '../telemetry/settings/check.ts'
import type { Problems } from '../telemetry/settings/problems.ts'
import { checkAccess } from './access-relations.ts'
import { type Address, httpAddress, isLoopback, listenAddress, sourceAddress } from './address.ts'
import { checkAlerts } from './alert-relations.ts'
import { routeFields } from './field-types.ts'
import { toRoute } from './route.ts'
import { checkRoute } from './route-relations.ts'
import type { FileRoute } from './route-schema.ts'
import { checkTopics } from './route-topics.ts'
import type { ConfigFile } from './schema.ts'

type Listener = Address & { path: string; text: string }

export function checkRelations(file: Sound<ConfigFile>, problems: Problems): void {
  const brokerListeners = (file.broker?.listen ?? []).flatMap((text, i) =>
    listener(`broker.listen[${i}]`, text, listenAddress),
  )
  const httpListeners = listener('http.listen', file.http?.listen, httpAddress)
  // A key that is there but has a problem is undefined: what was meant is not known, so nothing is said about it.
  const isGuarded = file.broker !== undefined && ('credentials' in file.broker || 'access' in file.broker)
  if (file.broker?.anonymous === false && !isGuarded) {
    const waysOut =
      'where anyone could publish: give broker.access or broker.credentials, or say broker.anonymous: true'
    reportReachable(brokerListeners, waysOut, problems)
  }
  if (file.http?.anonymous === false) {
    const waysOut =
      'where anyone could see it, the page has no sign-in yet: listen on 127.0.0.1, or say http.anonymous: true'
    reportReachable(httpListeners, waysOut, problems)
  }
  checkTls(file, problems)
  reportTakenAddresses([...brokerListeners, ...httpListeners], problems)
  checkAccess(file.broker, problems)
  checkSources(file.sources ?? [], problems)
  for (const [i, route] of (file.routes ?? []).entries()) {
    if (route !== undefined) checkRoute(route, problems, `routes[${i}]`)
  }
  checkTopics(file, problems)
  checkTypes(file.routes ?? [], problems)
  checkAlerts(file, problems)
}

function checkTls({ broker }: Sound<ConfigFile>, problems: Problems): void {
  if (broker === undefined) return
  for (const [i, text] of (broker.listen ?? []).entries()) {
    if (text === undefined || !/^(mqtts|wss):/.test(text) || 'tls' in broker) continue
    const path = `broker.listen[${i}]`
    problems.add(path, `${problems.given(path, text, false)} needs a certificate: give broker.tls`)
  }
  const { tls } = broker
  const isAsked = tls?.clientCertificates === 'optional' || tls?.clientCertificates === 'required'
  if (tls === undefined || !isAsked || 'ca' in tls) return
  problems.add('broker.tls.clientCertificates', `${tls.clientCertificates} given without broker.tls.ca, who signs them`)
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

/** A broker ends the older of two connections with the same client identifier. */
function checkSources(sources: Array<Sound<ConfigFile['sources'][number]> | undefined>, problems: Problems): void {
  const takenBy = new Map<string, number>()
  for (const [i, source] of sources.entries()) {
    if (source === undefined) continue
    // MQTT 3.1.1 has no password without a user name [MQTT-3.1.2-22].
    if ('password' in source && !('username' in source)) {
      problems.add(`sources[${i}].password`, 'is given without a username')
    }
    const address = source.url === undefined ? null : sourceAddress(source.url)
    if (address === null || source.clientId === undefined) continue
    const client = JSON.stringify([address.host.toLowerCase(), address.port, source.clientId])
    const first = takenBy.get(client)
    if (first === undefined) takenBy.set(client, i)
    else {
      const path = `sources[${i}].clientId`
      problems.add(path, `${problems.given(path, source.clientId, false)} is taken at this broker by sources[${first}]`)
    }
  }
}

/** Two routes that would write one field as different types: a store keeps the first, and refuses the others. */
function checkTypes(routes: Array<Sound<FileRoute> | undefined>, problems: Problems): void {
  const firsts = new Map<string, { type: FieldType; path: string }>()
  for (const [i, sound] of routes.entries()) {
    const route = whole<FileRoute>(sound)
    if (route === null) continue
    for (const { measurement, field, type, rule } of routeFields(toRoute(route))) {
      const routePath = `routes[${i}]`
      const path = rule === null ? routePath : `${routePath}.fields[${rule}]`
      const identity = JSON.stringify([measurement, field])
      const first = firsts.get(identity)
      if (first === undefined) firsts.set(identity, { type, path })
      else if (first.type !== type) {
        const which = problems.isAllShown(routePath) ? `the field ${field} of ${measurement}` : 'a field'
        problems.add(path, `writes ${which} as ${type}, ${first.path} writes it as ${first.type}`)
      }
    }
  }
}
