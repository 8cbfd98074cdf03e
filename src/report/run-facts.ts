/** What a report says about the run itself and neither the snapshot nor the findings hold. */
export interface RunFacts {
  /** Wall-clock seconds from start to report. */
  seconds: number;
}

/** A page of docs/findings, for formats that carry an explanation of each code. */
export interface FindingPage {
  code: string;
  title: string;
  severity: string;
  /** Markdown as shipped. */
  text: string;
}
