/** Whether a topic filter matches a topic [MQTT 3.1.1 §4.7]. */
export function matchesFilter(filter: string, topic: string): boolean {
  const levels = filter.split('/')
  const parts = topic.split('/')
  // [MQTT-4.7.2-1]
  if (topic.startsWith('$') && (levels[0] === '+' || levels[0] === '#')) return false
  for (const [i, level] of levels.entries()) {
    if (level === '#') return true
    if (i >= parts.length || (level !== '+' && level !== parts[i])) return false
  }
  return levels.length === parts.length
}
