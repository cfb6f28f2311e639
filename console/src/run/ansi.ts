// Colors of terminals in what user code prints, as styled pieces of text. Nothing here makes HTML: a piece is text and a style, and
// whoever shows it sets text nodes and class names. Every other control sequence (cursor, title, links, device control) is dropped whole.

/** How a piece of text looks. Colors are 0 to 255 of the terminal palette, or `#rrggbb`. */
export interface Style {
  readonly foreground: number | string | null;
  readonly background: number | string | null;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly strike: boolean;
  readonly inverse: boolean;
}

export interface Piece {
  readonly text: string;
  readonly style: Style;
}

export const PLAIN: Style = {
  foreground: null,
  background: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
};

const ESCAPE = 0x1b;
const BELL = 0x07;
const DELETE = 0x7f;
// A sequence that goes on for longer is none that anybody means; its beginning is dropped and the rest is text.
const LONGEST_SEQUENCE = 4096;

/** The pieces of one line, and the style in force behind it. `line` holds no line feed. */
export function pieces(line: string, start: Style): { pieces: Piece[]; end: Style } {
  const found: Piece[] = [];
  let style = start;
  let text = "";
  const close = () => {
    if (text !== "") found.push({ text, style });
    text = "";
  };
  for (let at = 0; at < line.length; ) {
    const code = line.charCodeAt(at);
    if (code === ESCAPE) {
      const sequence = readSequence(line, at);
      if (sequence.select !== null) {
        close();
        style = selected(style, sequence.select);
      }
      at = sequence.next;
    } else if (code === 0x09) {
      text += "\t";
      at += 1;
    } else if (code < 0x20 || (code >= DELETE && code < 0xa0) || reorders(code)) {
      // Characters that nobody sees, or that turn text around, are shown as what they are.
      text += visible(code);
      at += 1;
    } else {
      text += line[at];
      at += 1;
    }
  }
  close();
  return { pieces: found, end: style };
}

/** The style behind a line, without its pieces: what a line that is not shown leaves to the next one. */
export function styleBehind(line: string, start: Style): Style {
  return line.includes("\x1b[") ? pieces(line, start).end : start;
}

/** The text of a line as people read it, for search and copying. */
export function plain(line: string): string {
  return pieces(line, PLAIN)
    .pieces.map((piece) => piece.text)
    .join("");
}

// Bidirectional controls: a line that holds one would show its characters in another order than the program printed them.
function reorders(code: number): boolean {
  return code === 0x061c || code === 0x200e || code === 0x200f || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

function visible(code: number): string {
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === DELETE) return "\u2421";
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

interface Sequence {
  readonly next: number;
  /** Parameters of "select graphic rendition", or null where the sequence is something else. */
  readonly select: string | null;
}

function readSequence(line: string, at: number): Sequence {
  const kind = line[at + 1];
  if (kind === undefined) return { next: at + 1, select: null };
  const end = Math.min(line.length, at + LONGEST_SEQUENCE);
  if (kind === "[") {
    for (let i = at + 2; i < end; i += 1) {
      const code = line.charCodeAt(i);
      if (code >= 0x40 && code <= 0x7e) {
        const body = line.slice(at + 2, i);
        return { next: i + 1, select: line[i] === "m" && /^[0-9;:]*$/.test(body) ? body : null };
      }
      if (code < 0x20) return { next: i, select: null };
    }
    return { next: end, select: null };
  }
  if (kind === "]" || kind === "P" || kind === "X" || kind === "^" || kind === "_") {
    for (let i = at + 2; i < end; i += 1) {
      const code = line.charCodeAt(i);
      if (code === BELL) return { next: i + 1, select: null };
      if (code === ESCAPE && line[i + 1] === "\\") return { next: i + 2, select: null };
    }
    return { next: end, select: null };
  }
  // Intermediate bytes, such as those that choose a character set, come before one final byte.
  let i = at + 1;
  while (i < end && line.charCodeAt(i) >= 0x20 && line.charCodeAt(i) <= 0x2f) i += 1;
  const final = line.charCodeAt(i);
  return { next: final >= 0x30 && final <= 0x7e ? i + 1 : Math.max(i, at + 1), select: null };
}

function selected(start: Style, body: string): Style {
  let style = start;
  const codes = body === "" ? [0] : body.split(/[;:]/).map((part) => (part === "" ? 0 : Number(part)));
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i] ?? 0;
    if (code === 38 || code === 48) {
      const color = extended(codes, i + 1);
      if (color.value !== null) style = code === 38 ? { ...style, foreground: color.value } : { ...style, background: color.value };
      i += color.used;
    } else {
      style = simple(style, code);
    }
  }
  return style;
}

function extended(codes: number[], at: number): { value: number | string | null; used: number } {
  const byte = (n: number | undefined): n is number => n !== undefined && Number.isInteger(n) && n >= 0 && n <= 255;
  if (codes[at] === 5) {
    const index = codes[at + 1];
    return { value: byte(index) ? index : null, used: 2 };
  }
  if (codes[at] === 2) {
    const parts = codes.slice(at + 1, at + 4);
    const good = parts.length === 3 && parts.every(byte);
    return { value: good ? `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}` : null, used: 4 };
  }
  return { value: null, used: 1 };
}

function simple(style: Style, code: number): Style {
  if (code >= 30 && code <= 37) return { ...style, foreground: code - 30 };
  if (code >= 90 && code <= 97) return { ...style, foreground: code - 90 + 8 };
  if (code >= 40 && code <= 47) return { ...style, background: code - 40 };
  if (code >= 100 && code <= 107) return { ...style, background: code - 100 + 8 };
  switch (code) {
    case 0:
      return PLAIN;
    case 1:
      return { ...style, bold: true };
    case 2:
      return { ...style, dim: true };
    case 3:
      return { ...style, italic: true };
    case 4:
      return { ...style, underline: true };
    case 7:
      return { ...style, inverse: true };
    case 9:
      return { ...style, strike: true };
    case 22:
      return { ...style, bold: false, dim: false };
    case 23:
      return { ...style, italic: false };
    case 24:
      return { ...style, underline: false };
    case 27:
      return { ...style, inverse: false };
    case 29:
      return { ...style, strike: false };
    case 39:
      return { ...style, foreground: null };
    case 49:
      return { ...style, background: null };
    default:
      return style;
  }
}

const CUBE = [0, 95, 135, 175, 215, 255];

/** A color of the palette as CSS: the first 16 are names of the theme, so that they are readable on its background. */
export function css(color: number | string): string {
  if (typeof color === "string") return color;
  if (color < 16) return `var(--ansi-${color})`;
  if (color >= 232) {
    const grey = 8 + (color - 232) * 10;
    return `rgb(${grey},${grey},${grey})`;
  }
  const index = color - 16;
  const part = (n: number) => CUBE[n % 6] ?? 0;
  return `rgb(${part(Math.floor(index / 36))},${part(Math.floor(index / 6))},${part(index)})`;
}
