/** `load-sink.js PORT`: what costs least behind an MQTT port. It grants every CONNECT, and acknowledges whatever it is sent. */
import { createServer } from 'node:net'

const granted = Buffer.from([0x20, 2, 0, 0])

createServer({ noDelay: true }, (socket) => {
  let rest = Buffer.alloc(0)
  let isConnected = false
  socket.on('error', () => {})
  socket.on('data', (given: Buffer) => {
    const bytes = rest.length === 0 ? given : Buffer.concat([rest, given])
    const answer = Buffer.allocUnsafe(4 * Math.ceil(bytes.length / 4))
    let answered = 0
    let at = 0
    while (at + 2 <= bytes.length) {
      // Packets here are shorter than 128 bytes, or of two bytes of length.
      const isLong = (bytes[at + 1] as number) > 127
      if (isLong && at + 3 > bytes.length) break
      const body = at + (isLong ? 3 : 2)
      const end =
        body +
        (isLong ? ((bytes[at + 1] as number) & 127) + 128 * (bytes[at + 2] as number) : (bytes[at + 1] as number))
      if (end > bytes.length) break
      if (bytes[at] === 0x32) {
        const id = body + 2 + bytes.readUInt16BE(body)
        answer[answered] = 0x40
        answer[answered + 1] = 2
        answer[answered + 2] = bytes[id] as number
        answer[answered + 3] = bytes[id + 1] as number
        answered += 4
      } else if (bytes[at] === 0xe0) socket.end()
      at = end
    }
    rest = bytes.subarray(at) as Buffer<ArrayBuffer>
    if (!isConnected) socket.write(granted)
    isConnected = true
    if (answered > 0) socket.write(answer.subarray(0, answered))
  })
}).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'))
