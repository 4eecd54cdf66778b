/** What a scenario may say about a link: a preset by name, or one with values of its own in place of some of it. */
import Type, { type Static, type TUnion } from 'typebox'
import { strict } from '../../telemetry/settings/text.ts'
import { type LinkPresetName, linkPresetDefault, linkPresetNames, linkPresets } from './defaults.ts'
import { fraction, time, timeText } from './parts.ts'

const variant = (name: LinkPresetName) => {
  const { title, link } = linkPresets[name]
  return Type.Object(
    {
      preset: Type.Literal(name, { description: title }),
      latency: time({ description: 'Of a packet one way, on average.', default: timeText(link.latencyMs) }),
      jitter: time({ description: 'Standard deviation of the latency.', default: timeText(link.jitterMs) }),
      bitsPerS: Type.Integer({
        title: 'a whole number from 0 on',
        description: 'Bits in a second, each way; 0: no limit.',
        minimum: 0,
        default: link.bitsPerS,
      }),
      goodToBad: fraction({
        description: 'Chance with each packet that a good link turns bad (Gilbert-Elliott).',
        default: link.goodToBad,
      }),
      badToGood: fraction({
        description: 'Chance with each packet that a bad link turns good.',
        default: link.badToGood,
      }),
      lossInBad: fraction({
        description: 'Part of the packets that a bad link loses; TCP makes a wait of it.',
        default: link.lossInBad,
      }),
      outageEvery: time({
        description: 'Mean time from the end of an outage to the next one; 0s: there is none.',
        default: timeText(link.outageEveryS * 1000),
      }),
      outageLasts: time({
        description: 'Mean length of an outage.',
        default: timeText(link.outageLastsS * 1000),
      }),
      halfOpen: fraction({
        description: 'Part of the outages in which nobody is told: both ends wait for nothing.',
        default: link.halfOpen,
      }),
      natTimeout: time({
        description: 'A NAT forgets a connection that is silent for so long; 0s: never.',
        default: timeText(link.natTimeoutS * 1000),
      }),
      duplicate: fraction({
        description: 'Part of the publishes that the firmware sends twice.',
        default: link.duplicate,
      }),
      delayMax: time({
        description: 'Publishes sent twice come late by up to this.',
        default: timeText(link.delayMsMax),
      }),
    },
    strict,
  )
}

type Variant = ReturnType<typeof variant>
export type FileLink = Static<Variant>

const schema = Type.Union([Type.Enum(linkPresetNames), ...linkPresetNames.map(variant)], {
  title: `one of ${linkPresetNames.join(', ')}, or preset with keys of its own,`,
  description: 'The network between device and broker.',
  default: linkPresetDefault,
  examples: [linkPresetDefault, { preset: 'lte-m-rural', outageEvery: '12h' }],
})
/** Its type is that of the filled file, where a name has become the keys of its preset. */
export const linkSchema = schema as unknown as TUnion<[Variant]>
