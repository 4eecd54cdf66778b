/** What Grafana 12 does to a query of its InfluxDB datasource before it sends it: variables in the page, macros behind. */

/** A variable's choice: some values, or "All" by the variable's own `allValue`, which Grafana leaves unescaped. */
export type Choice = string[] | { all: string }
export type Look = { fromMs: number; toMs: number; interval: string; variables: Record<string, Choice> }

const escaped = (text: string) => text.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&')

function asRegex(choice: Choice): string {
  if (!Array.isArray(choice)) return choice.all
  const values = choice.map(escaped)
  return values.length === 1 ? `${values[0]}` : `(${values.join('|')})`
}

/** @throws Error when the query holds a variable or a macro that Grafana would leave as it stands. */
export function interpolate(query: string, look: Look): string {
  const result = query
    .replace(/\$\{(\w+):regex\}/g, (whole, name: string) => {
      const choice = look.variables[name]
      return choice === undefined ? whole : asRegex(choice)
    })
    .replace(/\$\{__from\}/g, `${look.fromMs}`)
    .replace(/\$\{__to\}/g, `${look.toMs}`)
    .replaceAll('$timeFilter', `time >= ${look.fromMs}ms and time <= ${look.toMs}ms`)
    .replaceAll('$__interval', look.interval)
  const left = /\$(?!\/)\S*/.exec(result)
  if (left !== null) throw new Error(`not known to Grafana: ${left[0]} in ${query}`)
  return result
}
