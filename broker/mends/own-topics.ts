/**
 * aedes tells brokers of its kind about every connection on topics below `$SYS/{its id}`, and so tells every client that
 * reads `$SYS/#`. There the tools that read mosquitto's topics find names that they cannot use: an exporter for Prometheus
 * ends on them. Who connects stands in the access log.
 */
import type { Mend } from './mend.ts'

export function hideOwnTopics(): Mend {
  let own = '$SYS/'
  return {
    options(options) {
      const { authorizeForward = (_client, packet) => packet } = options
      return {
        ...options,
        authorizeForward: (client, packet) => (packet.topic.startsWith(own) ? null : authorizeForward(client, packet)),
      }
    },
    listening({ id }) {
      own = `$SYS/${id}/`
    },
  }
}
