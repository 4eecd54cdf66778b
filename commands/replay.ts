/**
 * `dewpoint replay`: publishes the readings of a file. The row number is the reading's `seq`, so a second replay of the
 * same file sends the identical messages, and the server finds the duplicates.
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fillTopic } from '../devices-sim/device/topic.ts'
import { createPublisher } from '../devices-sim/publisher.ts'
import { type Row, readTable, type TableOptions } from '../devices-sim/table.ts'
import { parseTime, type TimeFormat, timeFormats } from '../devices-sim/times.ts'
import { StartError } from '../telemetry/errors.ts'
import { readingTopic } from '../telemetry/schema.ts'
import { parseLevel, parseOptions, parsePositive, parseUrl } from './options.ts'

const help = `Usage: dewpoint replay FILE --device NAME [options]

Publishes the readings of a CSV or text file over MQTT with QoS 1.

  --device NAME        third level of the topic
  --site NAME          second level of the topic                   (replay)
  --channel NAME       last level of the topic                     (rainfall)
  --url URL            the broker; mqtt://user:password@host too   (mqtt://127.0.0.1:1883)
  --speed N            N times as fast as recorded                 (as fast as acknowledgements come)
  --separator CHAR     between the columns                         (guessed: ; tab or ,)
  --time COLUMN        header name or number from 1                (1)
  --value COLUMN       header name or number from 1                (the other one of two)
  --time-format NAME   iso, dmy, epoch-s or epoch-ms               (guessed for each row)
  --intervals UNIT     the file has no times: each value is the ms or s since the row before
  --start TIME         with --intervals: where the first one begins
  --json               the result as one line of JSON
  --help               this text

Times: 2019-04-06 15:00:00, 06.04.2019 15:00, or seconds or milliseconds since 1970. A time without a zone is UTC.
Exit code: 0 when every row was acknowledged, 1 when not or when a row could not be read, 2 for bad options.
`

const problemsShown = 20

function tableOptions(
  values: {
    [option in 'separator' | 'time' | 'value' | 'time-format' | 'intervals' | 'start']?: string | undefined
  },
): TableOptions {
  const { separator, time, value, 'time-format': timeFormat, intervals, start } = values
  if (separator !== undefined && separator.length !== 1 && separator !== '\\t') {
    throw new StartError(`--separator: "${separator}" given, one character or \\t wanted`)
  }
  if (timeFormat !== undefined && !timeFormats.includes(timeFormat as TimeFormat)) {
    throw new StartError(`--time-format: "${timeFormat}" given, one of ${timeFormats.join(', ')} wanted`)
  }
  if (intervals !== undefined && intervals !== 'ms' && intervals !== 's') {
    throw new StartError(`--intervals: "${intervals}" given, ms or s wanted`)
  }
  if ((intervals === undefined) !== (start === undefined)) {
    throw new StartError('--intervals and --start: one given, both wanted')
  }
  const startMs = start === undefined ? 0 : parseTime(start)
  if (startMs === null) throw new StartError(`--start: "${start}" given, a time like 2019-04-06T15:00:00Z wanted`)
  return {
    ...(separator !== undefined && { separator: separator === '\\t' ? '\t' : separator }),
    ...(time !== undefined && { time }),
    ...(value !== undefined && { value }),
    ...(timeFormat !== undefined && { timeFormat: timeFormat as TimeFormat }),
    ...(intervals !== undefined && { intervals: { unitMs: intervals === 's' ? 1000 : 1, startMs } }),
  }
}

export async function run(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: argv,
    allowPositionals: true,
    options: {
      device: { type: 'string' },
      site: { type: 'string', default: 'replay' },
      channel: { type: 'string', default: 'rainfall' },
      url: { type: 'string', default: 'mqtt://127.0.0.1:1883' },
      speed: { type: 'string' },
      separator: { type: 'string' },
      time: { type: 'string' },
      value: { type: 'string' },
      'time-format': { type: 'string' },
      intervals: { type: 'string' },
      start: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const [file, ...others] = positionals
  if (file === undefined || others.length > 0) throw new StartError(`${positionals.length} files given, one wanted`)
  if (values.device === undefined) throw new StartError('--device: not given, a name wanted')
  const name = { site: parseLevel('site', values.site), device: parseLevel('device', values.device) }
  const topic = fillTopic(readingTopic(parseLevel('channel', values.channel)), name)
  const url = parseUrl('url', values.url)
  const speed = values.speed === undefined ? null : parsePositive('speed', values.speed)
  const options = tableOptions(values)
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new StartError(`${file}: cannot be read: ${error.message}`)
  })
  const rows = [...readTable(text, options)]

  const publisher = await createPublisher(url, topic)
  if (typeof publisher === 'string') {
    process.stderr.write(`${url}: ${publisher}\n`)
    return 1
  }
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  const sent: Array<Row & { timeMs: number; value: number }> = []
  let unreadable = 0
  const beganMs = Date.now()
  for (const row of rows) {
    if (interrupt.signal.aborted || publisher.isStalled()) break
    if ('problem' in row) {
      unreadable++
      if (unreadable <= problemsShown) process.stderr.write(`${file}:${row.line}: ${row.problem}\n`)
      continue
    }
    if (speed !== null && sent[0] !== undefined) {
      const dueMs = beganMs + (row.timeMs - sent[0].timeMs) / speed
      if (dueMs > Date.now()) await sleep(dueMs - Date.now(), null, { signal: interrupt.signal }).catch(() => {})
      if (interrupt.signal.aborted) break
    }
    sent.push(row)
    await publisher.publish({ value: row.value, timeMs: row.timeMs, sequence: row.number })
  }
  const acknowledged = await publisher.close()

  const describe = (row: { timeMs: number; value: number } | undefined) =>
    row === undefined ? null : { time: new Date(row.timeMs).toISOString(), v: row.value }
  const first = describe(sent[0])
  const last = describe(sent.at(-1))
  // Twelve digits are all that the readings hold; beyond stands what binary fractions add.
  const sum = Number(sent.reduce((total, row) => total + row.value, 0).toPrecision(12))
  if (unreadable > problemsShown) process.stderr.write(`${unreadable} rows could not be read\n`)
  if (values.json) {
    process.stdout.write(
      `${JSON.stringify({ topic, sent: sent.length, acknowledged, unreadable, first, last, sum })}\n`,
    )
  } else {
    const ends = first && last ? `, first ${first.time} ${first.v}, last ${last.time} ${last.v}` : ''
    process.stdout.write(`sent ${sent.length}, acknowledged ${acknowledged}${ends}, sum ${sum}\n`)
  }
  return acknowledged === rows.length ? 0 : 1
}
