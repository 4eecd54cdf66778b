/** msgpackr types its main entry only; its build without eval exports the same. */
declare module 'msgpackr/index-no-eval' {
  export * from 'msgpackr'
}
