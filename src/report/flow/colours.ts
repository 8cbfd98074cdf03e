import type { FlowVerdict } from '../../verify/flow.js';

export interface BoxColours {
  fill: string;
  line: string;
  text: string;
}

/** On a light and on a dark background; text has a contrast of at least 7:1 with its fill (WCAG 2, AAA). */
export const FLOW_COLOURS: Readonly<Record<'light' | 'dark', Readonly<Record<FlowVerdict, BoxColours>>>> = {
  light: {
    allow: { fill: '#e2f3e5', line: '#1a7f37', text: '#0b2e14' },
    deny: { fill: '#fde7e5', line: '#b3261e', text: '#410c08' },
    both: { fill: '#fdf6dc', line: '#8a6d00', text: '#2f2500' },
    undecided: { fill: '#efe8fb', line: '#6639ba', text: '#25114a' },
    never: { fill: '#f0f0f0', line: '#8c8c8c', text: '#404040' },
  },
  dark: {
    allow: { fill: '#10331b', line: '#4ac26b', text: '#d6f5dd' },
    deny: { fill: '#45120e', line: '#ff8a80', text: '#ffe3e0' },
    both: { fill: '#332a05', line: '#d4a72c', text: '#fdf3cf' },
    undecided: { fill: '#2a1a4d', line: '#b392f0', text: '#efe6ff' },
    never: { fill: '#2a2a2a', line: '#8c8c8c', text: '#d0d0d0' },
  },
};
