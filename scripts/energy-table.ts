/** What the energy model says beside published and measured figures, as docs/energy.md shows it. */
import { advise, billOf, designOf } from '../devices-sim/energy/advice.ts'
import { cells } from '../devices-sim/energy/cells.ts'
import { profileOf } from '../devices-sim/energy/design.ts'
import { radios } from '../devices-sim/energy/radios.ts'
import { byteCases, type Case, deviationMax, lifeCases, otherCases, packetCases } from './energy-cases.ts'

const number = (value: number) => Math.round(value).toLocaleString('en')
const row = (values: string[]) => `| ${values.join(' | ')} |`
const table = (head: string[], rows: string[][]) =>
  [row(head), row(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(row)].join('\n')

const compared = (unit: string, cases: Case[]) =>
  table(
    [`case (${unit})`, 'published', 'ours', 'ratio', 'ours is', 'note'],
    cases.map(({ title, published, ours, kind, note }) => [
      title,
      number(published),
      number(ours),
      (ours / published).toFixed(2),
      kind,
      note,
    ]),
  )

const microJoules = (milliJoules: number) => (milliJoules * 1000).toFixed(1)
const radioRows = () =>
  Object.values(radios).map((it) => [
    it.title,
    number(it.wakeMilliJoules),
    it.roundTripS === 0 ? '' : `${it.roundTripS} s × ${it.onMilliWatts} mW`,
    it.roundTripS === 0 ? '' : `${microJoules(it.upMilliJoulesPerByte)} / ${microJoules(it.downMilliJoulesPerByte)}`,
    `${it.tailS} s`,
    `${it.asleepMicroAmps} / ${it.heldMicroAmps}`,
    String(it.peakMilliAmps),
  ])
const cellRows = () =>
  Object.values(cells).flatMap((it) =>
    it === null
      ? []
      : [
          [
            it.title,
            number(it.milliAmpHours * it.nominalVolts * it.usable),
            `${100 * it.selfDischargePerYear} %`,
            String(it.shelfYears),
            `${it.openCircuitVolts[0]} to ${it.openCircuitVolts.at(-1)}`,
            `${it.ohms} to ${(it.ohms * it.ohmsEmptyFactor).toFixed(2)}`,
          ],
        ],
  )

/** The design that `dewpoint simulate energy` asks about when nothing is said. */
const example = designOf(profileOf({}))
const exampleRows = () =>
  advise(example).map(({ change, price, bill, lifeGain, bytesGain }) => [
    change,
    `×${lifeGain.toFixed(lifeGain < 10 ? 2 : 0)}`,
    number(bill.daysOfLife ?? 0),
    `×${bytesGain.toFixed(bytesGain < 10 ? 2 : 0)}`,
    price,
  ])

export function energyTable(): string {
  const before = billOf(example)
  return `# Energy

Written by \`npm run energy\` with the model of \`devices-sim/energy/\`; a test fails when it is out of date, or when a figure is off by
more than ${100 * deviationMax} % and does not say why. What a design of your own costs: \`dewpoint simulate energy --help\`.

**What saves most, in this order:** fewer wakes (batches), no connection that is held on cellular (or a long keepalive), no tail,
shorter handshakes, QoS, format, topic. On LoRa the bytes of the payload count again.

For example, a voltage each minute as JSON by LTE-M, QoS 1, TLS 1.3, keepalive 60 s: ${number(before.bytesPerDay)} bytes and
${number(before.milliJoulesPerDay)} mJ a day, ${number(before.daysOfLife ?? 0)} days. One change each:

${table(['change', 'life', 'days', 'bytes', 'its price'], exampleRows())}

## Days of life

Published are figures of a model without board, TLS and PUBACK, made from the sources in the head of \`radios.ts\` and \`cells.ts\`; ours
takes its settings. It shares those sources, so agreement shows that bytes, waits and counts are right, not that the sources are. What
cells give in practice (85 % of Li-SOCl2, 80 % of a CR2032, 90 % of LiPo) and lose by themselves was chosen with these figures in view.
The shelf is left out here; the command counts it.

${compared('days', lifeCases())}

From a summary of 3GPP TR 45.820, which gives the power of NB-IoT while it sends and receives, but not these lives:

${compared('days', otherCases())}

## Bytes of an hour

60 voltages, IPv4 and TCP without options, both ways, topic of 15 characters; in brackets the bytes of the payload.

${compared('bytes', byteCases())}

## Bytes of packets

Captured between mqtt.js 5.16 and aedes 1.2 on loopback. A device with a certificate of its own pays about 1,900 bytes more.

${compared('bytes', packetCases())}

## What the model takes

${table(['radio', 'wake mJ', 'round trip', 'µJ a byte up / down', 'tail', 'µA asleep / connected', 'peak mA'], radioRows())}

${table(['cell', 'usable mWh', 'lost a year', 'shelf years', 'V full to empty', 'Ω full to empty at 20 °C'], cellRows())}

LoRa pays by time on the air (AN1200.13) at 145 mW, BLE by advertising event (32 µJ); both speak no MQTT on the air.

Not in it: retransmissions and the power control of a modem in bad coverage, an antenna that is off, the losses of a regulator, the
reach of a cell in frost (only its resistance), and a sensor that needs a supply of its own: add its mean to \`boardUa\`.
`
}
