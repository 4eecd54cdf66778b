/** What a scenario says about devices of one kind. See schema.ts. */
import Type, { type Static } from 'typebox'
import { limits } from '../../telemetry/limits.ts'
import { strict } from '../../telemetry/settings/text.ts'
import { cellNames, faultNames, formats, radioNames, sensorNames } from '../profile.ts'
import { profileDefaults as defaults } from './defaults.ts'
import { linkSchema } from './link-schema.ts'
import { fraction, name, time, timeFrom, timeText, whole, yesOrNo } from './parts.ts'

const seconds = (s: number) => timeText(s * 1000)

const fault = Type.Object(
  {
    fault: Type.Enum(faultNames, {
      description:
        'The first five are of the sensor, the clock has two, the firmware the rest; a twin is a second device of the same name.',
    }),
    share: fraction({ description: 'Part of the devices that ever have it.', default: 1 }),
    perDay: Type.Optional(
      Type.Number({
        title: 'a number above 0',
        description: 'How often in a day of such a device, at random. Either this or at.',
        exclusiveMinimum: 0,
        examples: [0.5],
      }),
    ),
    at: Type.Optional(
      time({ description: 'Once, so long after the start of the run. Either this or perDay.', examples: ['2h'] }),
    ),
    lasts: time({
      description: 'How long it lasts; 0s: a moment (spike, reboot, truncated), or for ever (gain, death, twin).',
      default: '0s',
    }),
    amount: Type.Number({
      title: 'a number',
      description: 'drift: in the unit of the sensor, each hour; gain: a factor; clock-skew: parts per million.',
      default: 0,
    }),
  },
  { ...strict, title: 'a fault', examples: [{ fault: 'stuck', share: 0.1, perDay: 1, lasts: '2h' }] },
)

export const profileSchema = Type.Object(
  {
    name: name({ description: 'Of the profile, and of its topic: sensors/SITE/DEVICE/NAME-FORMAT.' }),
    site: name({ description: 'Second level of the topics; gauges of a site see the same storms.' }),
    count: whole(1, limits.simulatedDevicesMax, { description: 'How many devices.', default: defaults.count }),
    prefix: name({ description: 'Devices are called PREFIX-0001 and so on.', default: defaults.prefix }),
    sensors: Type.Array(Type.Enum(sensorNames), {
      title: `a list of sensors, of ${sensorNames.join(', ')},`,
      description: 'What a device measures.',
      minItems: 1,
      examples: [['rain', 'voltage']],
    }),
    sampleEvery: timeFrom('10ms', {
      description: 'Between two samples.',
      default: seconds(defaults.sampleEveryS),
    }),
    batch: whole(1, 10_000, { description: 'Samples in a report.', default: defaults.batch }),
    format: Type.Enum(formats, {
      description: 'What the firmware speaks, see routes.md; value has a topic for each channel.',
      default: defaults.format,
    }),
    compression: Type.Enum(['none', 'gzip', 'zlib'], {
      description: 'Of the payload.',
      default: defaults.compression,
    }),
    qos: whole(0, 1, { description: 'With 0 nobody promises that a report arrives.', default: defaults.qos }),
    clock: Type.Enum(['none', 'uptime', 'relative', 'rtc'], {
      description:
        'What a device knows of time. none: nothing; uptime: seconds since it started; relative: how long ago a sample was; rtc: the time of day.',
      default: defaults.clock,
    }),
    sequence: yesOrNo({ description: 'Reports carry a count.', default: defaults.sequence }),
    boot: yesOrNo({ description: 'Reports carry how often the device has started.', default: defaults.boot }),
    announcesNext: yesOrNo({ description: 'Reports say when the next one comes.', default: defaults.announcesNext }),
    connection: Type.Enum(['held', 'wake'], {
      description: 'held: connected all the time; wake: connects for each report, and says goodbye.',
      default: defaults.connection,
    }),
    keepAlive: time({
      description: 'Longest silence of a connection; 0s: as long as it likes.',
      default: seconds(defaults.keepAliveS),
    }),
    persistentSession: yesOrNo({
      description: 'The broker keeps its session, and commands in it.',
      default: defaults.persistentSession,
    }),
    tellsStatus: yesOrNo({ description: 'Has a will, and publishes a birth.', default: defaults.tellsStatus }),
    flashReports: whole(1, 1_000_000, {
      description: 'Reports that its memory holds; the oldest is dropped for a new one.',
      default: defaults.flashReports,
    }),
    window: whole(1, 65_535, { description: 'Publishes without PUBACK at once.', default: defaults.window }),
    retry: timeFrom('10ms', {
      description: 'Wait after a failure, doubled each time, up to 64 times as long.',
      default: seconds(defaults.retryS),
    }),
    acknowledgeTimeout: timeFrom('10ms', {
      description: 'Without a PUBACK for so long it connects anew.',
      default: seconds(defaults.acknowledgeTimeoutS),
    }),
    radio: Type.Optional(
      Type.Enum(radioNames, { description: 'What energy is reckoned by. Left out: as the link has it.' }),
    ),
    cell: Type.Optional(Type.Enum(cellNames, { description: 'What it lives on. Left out: as the link has it.' })),
    boardUa: Type.Number({
      title: 'a number from 0 on',
      description: 'Current of the whole board asleep, µA.',
      minimum: 0,
      default: defaults.boardUa,
    }),
    tls: Type.Enum(['none', '1.2', '1.3', '1.2-psk'], {
      description: 'For bytes and energy only: the simulator speaks plain MQTT.',
      default: defaults.tls,
    }),
    solar: yesOrNo({ description: 'A small panel charges the cell by day.', default: defaults.solar }),
    link: linkSchema,
    faults: Type.Array(fault, {
      title: 'a list of faults',
      description: 'What goes wrong with a device.',
      default: [],
    }),
    joinOver: time({
      description: 'Devices join one after the other over so long a time from the start.',
      default: seconds(defaults.joinOverS),
    }),
    perGateway: whole(0, limits.simulatedDevicesMax, {
      description: 'So many share a gateway, called NAME-gateway-1 and so on; 0: there is none.',
      default: defaults.perGateway,
    }),
  },
  {
    ...strict,
    title: 'a profile',
    examples: [{ name: 'gauge', site: 'valley', count: 40, sensors: ['rain', 'voltage'], link: 'lte-m-rural' }],
  },
)

export type FileProfile = Static<typeof profileSchema>
