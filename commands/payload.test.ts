import { expect, test } from 'vitest'
import { StartError } from '../telemetry/errors.ts'
import { payloadText, readPayload, readPayloadFile } from './payload.ts'

test.each([
  ['0.2', 'text', '302e32'],
  ['é', 'text', 'c3a9'],
  ['01FF', 'hex', '01ff'],
  ['0x01ff', 'hex', '01ff'],
  ['01:ff 02', 'hex', '01ff02'],
  ['', 'hex', ''],
  ['Af8=', 'base64', '01ff'],
  ['Af8', 'base64', '01ff'],
  ['-_-_', 'base64', 'fbffbf'],
] as const)('readPayload reads %j as %s', (text, form, hex) => {
  expect(readPayload(text, form).toString('hex')).toBe(hex)
})

test.each([
  ['0', 'hex'],
  ['0g', 'hex'],
  ['01ff-', 'hex'],
  ['a*b', 'base64'],
  ['Af8=Af8=', 'base64'],
] as const)('readPayload refuses %j as %s', (text, form) => {
  expect(() => readPayload(text, form)).toThrow(StartError)
})

test('readPayloadFile tells the path when the file cannot be read', async () => {
  await expect(readPayloadFile('/missing/file')).rejects.toThrow(/^\/missing\/file: cannot be read: /)
})

test('payloadText shows text as text and everything else in hexadecimal digits', () => {
  expect(payloadText(Buffer.from('{"v":\n  1}'))).toBe('{"v":   1}')
  expect(payloadText(Buffer.from([0x01, 0xff]))).toBe('0x01ff')
  expect(payloadText(Buffer.from([0x1b, 0x5b]))).toBe('0x1b5b')
  expect(payloadText(Buffer.alloc(0))).toBe('')
  expect(payloadText(Buffer.from('x'.repeat(500)))).toBe(`${'x'.repeat(120)}...`)
})
