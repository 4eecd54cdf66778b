/**
 * The browser loads uPlot from this server by its path, so that no bundler and no inline import map is needed. A
 * pattern is used because TypeScript refuses a declaration of a name that begins with a slash.
 */
declare module '*/uplot.js' {
  import uPlot from 'uplot'
  export default uPlot
}
