/** Global flags as commander hands them on. */
export interface GlobalOptions {
  snapshot?: string;
  hostRoot?: string;
  json?: boolean;
  color: 'auto' | 'always' | 'never';
  verbose?: boolean;
  quiet?: boolean;
  byteOrder?: 'little' | 'big';
}
