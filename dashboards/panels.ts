/** The panels of the dashboard, each with its query. */
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  type DataTransformerConfig,
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as StateTimelinePanel } from '@grafana/grafana-foundation-sdk/statetimeline'
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeseriesPanel } from '@grafana/grafana-foundation-sdk/timeseries'
import { defaultChannels, deviceTag, siteTag, stateField, stateMeasurement, valueField } from '../telemetry/schema.ts'
import { changes, datasource, influxql, latest, perInterval, seriesAlias, sumOfLatest } from './influxql.ts'

export type Channel = keyof typeof defaultChannels
export const channels = Object.keys(defaultChannels) as Channel[]

/** Grafana knows no "beat/min", so every unit is its plain text behind the number. */
const unitOf = (channel: Channel) => `suffix:${defaultChannels[channel].unit}`
const titleOf = (channel: Channel) => `${channel.charAt(0).toUpperCase()}${channel.slice(1)}`
const color = (mode: FieldColorModeId, fixed: string) => new FieldColorBuilder().mode(mode).fixedColor(fixed)

/** Off by default in what the SDK builds. */
const legend = () =>
  new VizLegendOptionsBuilder().showLegend(true).displayMode(LegendDisplayMode.List).placement(LegendPlacement.Bottom)

const stateMappings: ValueMapping[] = [
  {
    type: MappingType.ValueToText,
    options: { 0: { text: 'offline', color: 'red', index: 0 }, 1: { text: 'online', color: 'green', index: 1 } },
  },
]

const timeseries = (channel: Channel, aggregate: string, intervalMin: string) =>
  new TimeseriesPanel()
    .datasource(datasource)
    .unit(unitOf(channel))
    // An interval is never shorter than this, so that a device's usual pace does not look like gaps.
    .interval(intervalMin)
    .legend(legend())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .withTarget(influxql('A', perInterval(aggregate, channel, valueField), 'time_series', seriesAlias))

/** Rain adds up: bars of what fell in each interval. */
export const rainfall = () =>
  timeseries('rainfall', 'sum', '1m')
    .title('Rainfall per interval')
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(60)
    .min(0)

/** A mean for each interval. Intervals without a reading are never bridged: silence is what the platform is asked for. */
export const mean = (channel: Channel, intervalMin: string) =>
  timeseries(channel, 'mean', intervalMin)
    .title(titleOf(channel))
    .spanNulls(false)
    // Points too, or a reading between two gaps would not be seen at all.
    .showPoints(VisibilityMode.Always)
    .pointSize(4)

/** Each channel's last value and when it was taken, one row for each device. */
export function latestValues() {
  const panel = new TablePanel().title('Latest value per device').datasource(datasource).noValue('-')
  const refId = (index: number) => String.fromCharCode('A'.charCodeAt(0) + index)
  channels.forEach((channel, index) => {
    panel.withTarget(influxql(refId(index), latest(channel, valueField, channel), 'table'))
    panel.overrideByName(channel, [{ id: 'unit', value: unitOf(channel) }])
    panel.overrideByName(`${channel} at`, [{ id: 'unit', value: 'dateTimeFromNow' }])
    // Times differ from channel to channel: under one name they would keep a device's values from becoming one row.
    panel.withTransformation({
      id: 'organize',
      filter: { id: 'byRefId', options: refId(index) },
      options: { excludeByName: {}, indexByName: {}, renameByName: { Time: `${channel} at` } },
    })
  })
  const columns = [siteTag, deviceTag, ...channels.flatMap((channel) => [channel, `${channel} at`])]
  const indexByName = Object.fromEntries(columns.map((column, index) => [column, index]))
  const order: DataTransformerConfig = {
    id: 'organize',
    options: { excludeByName: {}, indexByName, renameByName: {} },
  }
  return panel.withTransformation({ id: 'merge', options: {} }).withTransformation(order)
}

export const fleetState = () =>
  new StateTimelinePanel()
    .title('Fleet state')
    .description('Written when a device comes or goes, by the platform itself.')
    .datasource(datasource)
    .withTarget(influxql('A', changes(stateMeasurement, stateField), 'time_series', seriesAlias))
    .mappings(stateMappings)
    // By thresholds, which are Grafana's default, 0 and 1 would become one colour.
    .colorScheme(color(FieldColorModeId.Fixed, 'text'))
    .legend(legend())
    .showValue(VisibilityMode.Never)
    .mergeValues(true)
    .perPage(20)

export const devicesOnline = () =>
  new StatPanel()
    .title('Devices online')
    .description('At the end of the time range; known are all that were ever online or offline.')
    .datasource(datasource)
    .withTarget(influxql('A', sumOfLatest(stateMeasurement, stateField, 'online', 'known'), 'time_series', '$col'))
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .colorScheme(color(FieldColorModeId.Fixed, 'text'))
    .overrideByName('online', [{ id: 'color', value: { mode: 'fixed', fixedColor: 'green' } }])
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .noValue('0')
