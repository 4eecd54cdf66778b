/** An MQTT broker of somebody else that Dewpoint subscribes to, as configured, every default filled in. */
export type Source = {
  /** mqtt:// or mqtts://, host and port. */
  url: string
  /** host:port, for logs. */
  name: string
  username: string | null
  password: string | null
  clientId: string
  /** MQTT topic filters, at least one. */
  topics: string[]
  /** Name of a shared subscription; null: not shared. */
  share: string | null
}
