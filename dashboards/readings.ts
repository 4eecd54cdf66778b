/** The dashboard "Dewpoint: readings and fleet": what the devices say, and which of them still do. */
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { deviceTag, siteTag, stateMeasurement } from '../telemetry/schema.ts'
import { datasource, ofSite, tagValues } from './influxql.ts'
import { channels, devicesOnline, fleetState, latestValues, mean, rainfall } from './panels.ts'

const measurements = [...channels, stateMeasurement]

function variable(tag: string, label: string, query: string) {
  return (
    new QueryVariableBuilder(tag)
      .label(label)
      .datasource(datasource)
      .query(query)
      .definition(query)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .sort(VariableSort.NaturalAsc)
      .multi(true)
      .includeAll(true)
      // Without it "All" would be a list of every name: ten thousand devices in each query.
      .allValue('.*')
      .current({ selected: true, text: ['All'], value: ['$__all'] })
  )
}

/** Rows of the page; Grafana's grid is 24 wide. */
const panels = () => [
  devicesOnline().gridPos({ x: 0, y: 0, w: 5, h: 8 }),
  fleetState().gridPos({ x: 5, y: 0, w: 19, h: 8 }),
  rainfall().gridPos({ x: 0, y: 8, w: 24, h: 8 }),
  mean('pulse', '10s').gridPos({ x: 0, y: 16, w: 12, h: 8 }),
  mean('voltage', '1m').gridPos({ x: 12, y: 16, w: 12, h: 8 }),
  latestValues().gridPos({ x: 0, y: 24, w: 24, h: 9 }),
]

export function readingsDashboard(): Dashboard {
  const builder = new DashboardBuilder('Dewpoint: readings and fleet')
    .uid('dewpoint-readings')
    .tags(['dewpoint'])
    .timezone('browser')
    .time({ from: 'now-6h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .annotations([])
    .withVariable(variable(siteTag, 'Site', tagValues(measurements, siteTag)))
    .withVariable(variable(deviceTag, 'Device', tagValues(measurements, deviceTag, ofSite)))
  panels().forEach((panel, index) => {
    builder.withPanel(panel.id(index + 1))
  })
  return builder.build()
}

/** The text of dashboards/json/readings.json. */
export const readingsJson = (): string => `${JSON.stringify(readingsDashboard(), null, 2)}\n`
