/** An existing MQTT broker that readings are fetched from, as configured. */
export type Source = {
  /** Names it in the journal (client `source:NAME`), in /healthz and in the metrics. */
  name: string
  /** mqtt:// or mqtts://, host and port, without user name and password. */
  url: string
  username: string | null
  password: string | null
  /** Names our session at that broker, which keeps messages for it while we are away. */
  clientId: string
  /** MQTT topic filters. */
  topics: string[]
  /** Group of a shared subscription, or null: every message comes here. */
  share: string | null
}
