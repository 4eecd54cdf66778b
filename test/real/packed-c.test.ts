/** docs/packed.h, compiled: it writes the bytes that our own encoder writes, and our decoder reads them. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createChance } from '../../telemetry/codec/hostile.ts'
import { packedCodec } from '../../telemetry/codec/packed.ts'
import { encodePacked, type PackedMessage } from '../../telemetry/codec/packed-encode.ts'
import { createMemory, isProblem } from '../../telemetry/reading.ts'
import { commandPath, needs } from '../servers/tools.ts'

const docs = resolve(import.meta.dirname, '../../docs')

/** A line in: room, clock, boot, sequence, time, age, next, batches, then each: channel, step, count, values. Out: hex. */
const program = `
#include <inttypes.h>
#include <stdio.h>
#include "packed.h"
int main(void) {
  static uint8_t out[100000];
  static int32_t values[10000];
  packed_head head;
  size_t room, used, count, i;
  unsigned batches, channel;
  uint32_t step;
  while (scanf("%zu %" SCNu8 " %" SCNu8 " %" SCNu16 " %" SCNu32 " %" SCNu32 " %" SCNu32 " %u", &room, &head.clock,
               &head.boot, &head.sequence, &head.time_s, &head.age_s, &head.next_s, &batches) == 8) {
    used = packed_begin(out, room, &head);
    while (batches-- > 0) {
      if (scanf("%u %" SCNu32 " %zu", &channel, &step, &count) != 3) return 1;
      for (i = 0; i < count; i++) if (scanf("%" SCNd32, &values[i]) != 1) return 1;
      used = packed_batch(out, room, used, (uint8_t)channel, step, values, count);
    }
    for (i = 0; i < used; i++) printf("%02x", out[i]);
    printf("\\n");
  }
  return 0;
}
`
const clocks = { unix: 0, boot: 1, now: 2 }
const notSaid = 0xffffffff

const lineOf = (room: number, message: PackedMessage) =>
  [
    ...[room, clocks[message.clock], message.boot, message.sequence, message.timeS],
    ...[message.ageS ?? notSaid, message.nextS ?? notSaid, message.batches.length],
    ...message.batches.flatMap(({ channel, stepS, values }) => [channel, stepS, values.length, ...values]),
  ].join(' ')

describe.skipIf(needs({ cc: true }) !== null)('C encoder', () => {
  let folder: string
  let binary: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'packed-c-'))
    binary = join(folder, 'packed')
    writeFileSync(join(folder, 'main.c'), program)
    const warnings = ['-std=c99', '-Wall', '-Wextra', '-Wconversion', '-pedantic', '-Werror', '-O2']
    const checks = ['-fsanitize=undefined', '-fno-sanitize-recover=all']
    const compile = (options: string[]) =>
      spawnSync(commandPath('cc') as string, [...options, `-I${docs}`, '-o', binary, join(folder, 'main.c')])
    // Not every machine with a compiler has its sanitizer.
    if (compile([...warnings, ...checks]).status === 0) return
    const { status, stderr } = compile(warnings)
    expect({ status, stderr: String(stderr) }).toEqual({ status: 0, stderr: '' })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const write = (lines: string[]): string[] =>
    execFileSync(binary, { input: `${lines.join('\n')}\n`, encoding: 'utf8' })
      .trimEnd()
      .split('\n')

  const seed = Date.now() % 2 ** 31

  test(`C encoder writes what the TypeScript encoder writes, seed ${seed}`, () => {
    const chance = createChance(seed)
    const messages = Array.from({ length: 1000 }, (): PackedMessage => {
      const clock = (['unix', 'boot', 'now'] as const)[chance(3)] ?? 'now'
      return {
        clock,
        boot: chance(256),
        sequence: chance(65_536),
        timeS: clock === 'now' ? 0 : 0x10000000 + chance(0xe0000000),
        ageS: chance(2) === 0 ? null : chance(2 ** chance(27)),
        nextS: chance(2) === 0 ? null : chance(2 ** chance(32)),
        batches: Array.from({ length: 1 + chance(3) }, (_, channel) => {
          const spread = 2 ** chance(33)
          const slope = chance(2) * chance(50)
          const values = Array.from({ length: 1 + chance(80) }, (_, i) => {
            const value = chance(spread) - Math.floor(spread / 2) + i * slope
            return Math.max(-0x80000000, Math.min(0x7fffffff, value))
          })
          return { channel: channel * 100, stepS: 1 + chance(2 ** chance(20)), values }
        }),
      }
    })
    const written = write(messages.map((message) => lineOf(100_000, message)))
    expect(written).toEqual(messages.map((message) => encodePacked(message).toString('hex')))
    for (const [i, hex] of written.entries()) {
      const reports = packedCodec.decode(Buffer.from(hex, 'hex'), { topic: 't', memory: createMemory() })
      if (isProblem(reports)) throw new Error(`${hex}: ${reports.detail}`)
      const values = messages[i]?.batches.flatMap((batch) => batch.values)
      expect(reports.flatMap((report) => report.readings.map((reading) => reading.value))).toEqual(values)
    }
  })

  test('C encoder writes nothing when the room is too small', () => {
    const batches = [{ channel: 1, stepS: 60, values: [1, 5, 2] }]
    const message: PackedMessage = { clock: 'unix', boot: 0, sequence: 0, timeS: 1e9, ageS: 5, nextS: 60, batches }
    const bytes = encodePacked(message)
    const rooms = Array.from({ length: bytes.length + 1 }, (_, room) => room)
    const hex = write([...rooms.map((room) => lineOf(room, message)), lineOf(100, { ...message, batches: [] })])
    expect(hex.slice(0, -2)).toEqual(rooms.slice(0, -1).map(() => ''))
    expect(hex.at(-2)).toBe(bytes.toString('hex'))
  })
})
