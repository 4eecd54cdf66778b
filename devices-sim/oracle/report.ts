/** What the oracle found, as one HTML file that asks for nothing from elsewhere, light or dark as its reader wants. */
import { type Delays, delayUpTo, quantile } from './delays.ts'
import { faultKinds } from './faults.ts'
import { duration, foundKinds, isoTime, isRight, type Result } from './result.ts'
import { bars, escaped, lines } from './svg.ts'

const style = `
:root { color-scheme: light dark; --ink: #1b2430; --paper: #fff; --faint: #dfe4ea; --one: #1f6feb; --two: #d9822b; --bad: #c62828; --good: #2e7d32 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e8ee; --paper: #12171d; --faint: #2c3540; --one: #6ea8ff; --two: #f0a95a; --bad: #ff7b72; --good: #6fd08c }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; overflow-wrap: anywhere; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--faint); vertical-align: top }
td.n { text-align: right; font-variant-numeric: tabular-nums } .scroll { overflow-x: auto }
.good { color: var(--good) } .bad { color: var(--bad) } svg { width: 100%; height: auto } svg text { fill: var(--ink); font-size: 11px }
.one { fill: var(--one); stroke: var(--one) } .two { fill: var(--two); stroke: var(--two) } path.one, path.two { fill: none; stroke-width: 1.5 } .axis { stroke: var(--faint) }
`

export function toHtml(result: Result): string {
  const { head, fates, quarantine, alerts, stretches, profiles, worstDevices, problems } = result
  const found = foundKinds(result)
  const sum = found.reduce((all, [, count]) => all + count, 0)
  const facts: Array<[string, string | number]> = [
    ['from', isoTime(head.startedAtMs)],
    ['to', isoTime(result.endMs)],
    ['clock', head.clock],
    ['seed', head.seed],
    ['devices', result.devices],
    ['reports', result.reports],
    ['readings', result.readings],
    ['acknowledged', fates.acknowledged],
    ['dropped, or sent with QoS 0', fates.dropped],
    ['not acknowledged yet', fates.open],
    ['fit for the quarantine only', fates.quarantined],
    ['rows in the store', result.rows],
    ['rows older than the run', result.olderRows],
    ['messages in the quarantine', `${quarantine.found ?? 'not asked'} (${quarantine.expected} expected)`],
    ['alerts', alerts === null ? 'not checked' : `${alerts.heard} for ${alerts.troubles} troubles`],
    ...problems.map(({ line, problem }): [string, string] => [`line ${line} of the truth`, problem]),
  ]
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(head.scenario)}: what became of the readings</title><style>${style}</style></head><body>
<h1>${escaped(head.scenario)}: <span class="${isRight(result) ? 'good' : 'bad'}">${
    isRight(result) ? 'all right, nothing lost, doubled, invented or altered' : `not all right, ${sum} faults`
  }</span></h1>
${table(
  [],
  facts.map(([name, fact]) => [name, String(fact)]),
)}
<h2>Faults</h2>
${table(
  ['kind', 'what it is', 'count'],
  Object.entries(faultKinds).map(([kind, meaning]) => [kind, meaning, result.faults[kind as keyof typeof faultKinds]]),
)}
${examplesOf(result)}
<h2>Readings in time: acknowledged by when they were measured, and rows of the store by their time</h2>
${lines(stretches, duration(stretches.widthMs))}
${profiles.map(({ profile, delays }) => delaysOf(profile, delays)).join('')}
${worstDevices.length === 0 ? '' : '<h2>Faults by device</h2>'}
${bars(worstDevices.map(({ site, device, faults }) => [site === '' ? device : `${site}/${device}`, faults]))}
</body></html>
`
}

function examplesOf({ examples }: Result): string {
  if (examples.length === 0) return ''
  const rows = examples.map(({ kind, site, device, channel, timeMs, given, wanted }) => [
    kind,
    site === '' ? device : `${site}/${device}`,
    channel ?? '',
    isoTime(timeMs),
    given,
    wanted,
  ])
  return `<h2>The first of each</h2>${table(['kind', 'device', 'channel', 'time', 'found', 'wanted'], rows)}`
}

function delaysOf(profile: string, delays: Delays): string {
  const used = [...delays.counts.entries()].filter(([, count]) => count > 0).map(([step]) => step)
  const [from, to] = [used[0] ?? 0, used.at(-1) ?? 0]
  const steps = delays.counts
    .slice(from, to + 1)
    .map((count, i): [string, number] => [`to ${duration(delayUpTo(from + i))}`, count])
  const [half, most, all] = [0.5, 0.99, 1].map((part) => duration(quantile(delays, part)))
  return `<h2>${escaped(profile)}: from measurement to acknowledgement</h2>
<p>half within ${half}, 99 % within ${most}, all within ${all}</p>
${bars(steps)}`
}

function table(header: string[], rows: Array<Array<string | number>>): string {
  const cell = (it: string | number) =>
    typeof it === 'number' ? `<td class="n">${it}</td>` : `<td>${escaped(it)}</td>`
  const first = header.length === 0 ? '' : `<tr>${header.map((it) => `<th>${it}</th>`).join('')}</tr>`
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')
  return `<div class="scroll"><table>${first}${body}</table></div>`
}
