import { expect, test } from 'vitest'
import { nearestRoutes } from './nearest.ts'

const nearest = (sources: string[], topic: string) =>
  nearestRoutes(
    sources.map((topic) => ({ topic })),
    topic,
  )

const patterns = ['sensors/{site}/{device}/voltage', 'sensors/{site}/{device}/rainfall', 'plant/+/{device}']
const first = (topic: string) => nearest(patterns, topic)[0]

test.each([
  ['sensors/home/g1/rain', 1, 'level 4 is "rain", "rainfall" wanted'],
  ['sensors/home/g1/Rainfall', 1, 'level 4 is "Rainfall", "rainfall" wanted, capitals count'],
  ['sensors/home/g1', 0, 'ends before level 4, "voltage" wanted'],
  ['sensors/home/g1/rainfall/x', 1, 'goes on at level 5 with "x", nothing more wanted'],
  ['sensor/home/g1/rainfall', 1, 'level 1 is "sensor", "sensors" wanted'],
  ['plant/north/g1/raw', 2, 'goes on at level 4 with "raw", nothing more wanted'],
  ['sensors/home/g1/rainfall/', 1, 'goes on at level 5 with "", nothing more wanted'],
])('nearestRoutes puts the route first that %s comes nearest to', (topic, index, why) => {
  expect(first(topic)).toEqual({ topic: patterns[index], why })
})

test('nearestRoutes tells an empty first level when the topic begins with a slash', () => {
  expect(nearest(['a/{device}'], '/a/d')[0]?.why).toBe('level 1 is empty, "a" wanted (2 levels differ)')
})

test('nearestRoutes lists every route that does not match, and none that does', () => {
  expect(nearest(patterns, 'x').map((it) => it.topic)).toHaveLength(3)
  expect(nearest(patterns, 'plant/north/g1').map((it) => it.topic)).toEqual([patterns[0], patterns[1]])
  expect(nearest([], 'x')).toEqual([])
})

test('nearestRoutes lets # stand for any number of levels', () => {
  expect(nearest(['gw/{device}/#'], 'gw/d')).toEqual([])
  expect(nearest(['gw/{device}/#'], 'gw/d/a/b')).toEqual([])
  expect(nearest(['gw/{device}/#'], 'other/d/a/b')[0]?.why).toBe('level 1 is "other", "gw" wanted')
})

test('nearestRoutes tells all alternatives of a level, and ranks by the one most alike', () => {
  const sources = ['a/{device}/(up|down)', 'a/{device}/{kind:voltage|current}']
  expect(nearest(sources, 'a/d/up')).toEqual([
    { topic: sources[1], why: 'level 3 is "up", "{kind:voltage|current}" wanted' },
  ])
  expect(nearest(sources, 'a/d/curent')[0]?.topic).toBe(sources[1])
})

test('nearestRoutes says so when wildcards do not reach a topic of the broker', () => {
  expect(nearest(['+/{device}'], '$SYS/d')[0]?.why).toBe('begins with $, such topics belong to the broker')
})

test('nearestRoutes takes any text as a topic, braces and an empty one too', () => {
  for (const topic of ['', '/', '{device}', '+', '#', 'a/{b', '\0', 'é/\ud800']) {
    expect(nearest(patterns, topic), topic).toHaveLength(3)
  }
})
