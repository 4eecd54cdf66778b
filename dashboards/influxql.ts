/**
 * InfluxQL for Grafana: the panel query that the foundation SDK has no type for, and the pieces that every query of ours
 * shares. InfluxQL and not Flux, because InfluxDB 1, 2 and 3 all answer it.
 */
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import { deviceTag, siteTag } from '../telemetry/schema.ts'

/** Provisioned in deploy/grafana; the dashboards refer to it by this uid, so they work in every Grafana that has it. */
export const datasource = { type: 'influxdb', uid: 'dewpoint-influxdb' }

export type ResultFormat = 'time_series' | 'table'

/** A query as Grafana's InfluxDB datasource stores it in a panel. */
export type InfluxqlQuery = {
  refId: string
  datasource: typeof datasource
  rawQuery: true
  query: string
  resultFormat: ResultFormat
  /** How a series is called: `$tag_device` is the tag device, `$col` the column. */
  alias: string
}

export function influxql(refId: string, query: string, resultFormat: ResultFormat, alias = ''): Builder<Dataquery> {
  const target: InfluxqlQuery = { refId, datasource, rawQuery: true, query, resultFormat, alias }
  // The SDK marks queries by this method; it never reaches the JSON.
  return { build: () => ({ ...target, _implementsDataqueryVariant() {} }) }
}

export const quoted = (name: string): string => `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

/** Name of a series in a legend. */
export const seriesAlias = `$tag_${siteTag}/$tag_${deviceTag}`
export const byDevice = `${quoted(siteTag)}, ${quoted(deviceTag)}`
export const ofSite = `${quoted(siteTag)} =~ /^\${site:regex}$/`
/** What the variables of the dashboard let through. "All" is `.*`, which also matches a device without a site. */
export const ofDevice = `${ofSite} AND ${quoted(deviceTag)} =~ /^\${device:regex}$/`

/** One aggregate for each interval of the panel and each device; intervals without readings are null, thus gaps. */
export const perInterval = (aggregate: string, measurement: string, field: string): string =>
  `SELECT ${aggregate}(${quoted(field)}) FROM ${quoted(measurement)} WHERE $timeFilter AND ${ofDevice} ` +
  `GROUP BY time($__interval), ${byDevice} fill(null)`

/** The last value of each device inside the time range, with its own time, in a column that is named `column`. */
export const latest = (measurement: string, field: string, column: string): string =>
  `SELECT last(${quoted(field)}) AS ${quoted(column)} FROM ${quoted(measurement)} ` +
  `WHERE $timeFilter AND ${ofDevice} GROUP BY ${byDevice}`

/**
 * Every change inside the time range, and the last one before it. States are written when they change: without the one
 * before, a device that did not change would be missing, and any other would be blank up to its first change.
 */
export const changes = (measurement: string, field: string): string => {
  const value = quoted(field)
  const source = `FROM ${quoted(measurement)} WHERE ${ofDevice}`
  return (
    `SELECT ${value} FROM (SELECT last(${value}) AS ${value} ${source} AND time < \${__from}ms GROUP BY ${byDevice}), ` +
    `(SELECT ${value} ${source} AND $timeFilter GROUP BY ${byDevice}) GROUP BY ${byDevice}`
  )
}

/** Sum and number of the last values of all devices, as of the end of the time range and from however long ago. */
export const sumOfLatest = (measurement: string, field: string, sum: string, number: string): string => {
  const value = quoted(field)
  return (
    `SELECT sum(${value}) AS ${quoted(sum)}, count(${value}) AS ${quoted(number)} FROM (SELECT last(${value}) AS ${value} ` +
    `FROM ${quoted(measurement)} WHERE ${ofDevice} AND time <= \${__to}ms GROUP BY ${byDevice})`
  )
}

export const tagValues = (measurements: string[], tag: string, where = ''): string =>
  `SHOW TAG VALUES FROM ${measurements.map(quoted).join(', ')} WITH KEY = ${quoted(tag)}${where && ` WHERE ${where}`}`
