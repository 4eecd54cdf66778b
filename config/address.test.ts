import { expect, test } from 'vitest'
import { httpAddress, isLoopback, listenAddress, sourceAddress } from './address.ts'

test.each([
  ['mqtt://127.0.0.1:1884', '127.0.0.1', 1884],
  ['mqtt://127.0.0.1', '127.0.0.1', 1883],
  ['mqtt://[::1]:1884', '::1', 1884],
  ['mqtt://[::]', '::', 1883],
  ['mqtt://broker.example:0', 'broker.example', 0],
])('listenAddress gives host and port when %s is given', (text, host, port) => {
  expect(listenAddress(text)).toEqual({ scheme: 'mqtt', host, port, path: '' })
})

test.each([
  ['mqtts://h', { scheme: 'mqtts', host: 'h', port: 8883, path: '' }],
  ['ws://h', { scheme: 'ws', host: 'h', port: 8083, path: '/mqtt' }],
  ['ws://[::1]:80/', { scheme: 'ws', host: '::1', port: 80, path: '/mqtt' }],
  ['wss://h/a/b-c', { scheme: 'wss', host: 'h', port: 8084, path: '/a/b-c' }],
])('listenAddress gives scheme and path when %s is given', (text, address) => {
  expect(listenAddress(text)).toEqual(address)
})

test.each([
  ['mqtt://x', 'x', 1883],
  ['mqtts://x', 'x', 8883],
  ['mqtts://[::1]:1', '::1', 1],
])('sourceAddress gives host and port when %s is given', (text, host, port) => {
  expect(sourceAddress(text)).toEqual({ host, port })
})

test.each(['x', 'mqtts://', 'ws://x', 'mqtts://user:password@x'])(
  'sourceAddress gives null when %s is given',
  (text) => {
    expect(sourceAddress(text)).toBeNull()
  },
)

test.each([
  '127.0.0.1:1883',
  'http://127.0.0.1:1883',
  'mqtts://h/mqtt',
  'ws://h/a?b',
  'ws:///mqtt',
  'wsss://h',
  'toString://h',
  'mqtt://',
  'mqtt://:1883',
  'mqtt://::1:1883',
  'mqtt://[localhost]:1883',
  'mqtt://127.0.0:1883',
  'mqtt://256.0.0.1',
  'mqtt://localhost:65536',
  'mqtt://localhost:',
  'mqtt://localhost:1883/',
  'mqtt://user:password@localhost:1883',
  'mqtt://local host',
])('listenAddress gives null when %s is given', (text) => {
  expect(listenAddress(text)).toBeNull()
})

test('httpAddress gives null when the port is missing', () => {
  expect(httpAddress('127.0.0.1')).toBeNull()
  expect(httpAddress('127.0.0.1:8080')).toEqual({ host: '127.0.0.1', port: 8080 })
  expect(httpAddress('[::1]:8080')).toEqual({ host: '::1', port: 8080 })
})

test.each(['127.0.0.1', '127.255.3.4', '::1', '0:0:0:0:0:0:0:1', 'localhost', 'LocalHost'])(
  'isLoopback is true when the host is %s',
  (host) => expect(isLoopback(host)).toBe(true),
)

test.each(['0.0.0.0', '::', '128.0.0.1', '10.0.0.1', '::2', 'localhost.example', '127.example'])(
  'isLoopback is false when the host is %s',
  (host) => expect(isLoopback(host)).toBe(false),
)
