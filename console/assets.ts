/** The files of the page, read once: there are few, and a fixed list leaves no path to escape by. */
import assert from 'node:assert'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export type Asset = { path: string; type: string; body: Buffer }

const html = 'text/html; charset=utf-8'
const css = 'text/css; charset=utf-8'
const script = 'text/javascript; charset=utf-8'

/** The folder of package.json: this file runs from the sources as well as from dist/. */
function projectFolder(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) {
    assert(folder !== dirname(folder), `no package.json above ${import.meta.dirname}`)
    folder = dirname(folder)
  }
  return folder
}

/** @throws Error when the page was not compiled; `npm start` does that first. */
export function readAssets(): Asset[] {
  const project = projectFolder()
  const page = join(project, 'console', 'page')
  const compiled = join(project, 'dist', 'console', 'page')
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot/package.json'))
  const asset = (path: string, type: string, file: string): Asset => ({ path, type, body: readFileSync(file) })
  const scripts = readdirSync(compiled).filter((name) => name.endsWith('.js'))
  return [
    asset('/', html, join(page, 'index.html')),
    asset('/page.css', css, join(page, 'page.css')),
    asset('/sw.js', script, join(page, 'sw.js')),
    asset('/icon.svg', 'image/svg+xml', join(page, 'icon.svg')),
    asset('/uplot.js', script, join(uplot, 'dist', 'uPlot.esm.js')),
    asset('/uplot.css', css, join(uplot, 'dist', 'uPlot.min.css')),
    ...scripts.map((name) => asset(`/page/${name}`, script, join(compiled, name))),
  ]
}
