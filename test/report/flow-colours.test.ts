import { expect, test } from 'vitest';
import { FLOW_COLOURS } from '../../src/report/flow/colours.js';

/** WCAG 2.2, "relative luminance" and "contrast ratio". */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

test.each(['light', 'dark'] as const)(
  'text in boxes can be read on a %s background, and outlines be seen',
  (ground) => {
    const page = ground === 'light' ? '#ffffff' : '#16181c';
    for (const { fill, line, text } of Object.values(FLOW_COLOURS[ground])) {
      expect(contrast(text, fill)).toBeGreaterThan(7);
      expect(contrast(line, page)).toBeGreaterThan(3);
    }
  },
);
