import tseslint from 'typescript-eslint';

/** Types are checked as strictly as typescript-eslint can; what is switched off is switched off for a reason that stands beside it. */
export default tseslint.config(
  {
    ignores: [
      'dist/',
      'build/',
      'build-*/',
      'coverage/',
      'native/',
      'node_modules/',
      'test/fixtures/',
      '.lab/',
      'prebuilds/',
    ],
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Indexing is checked by the compiler (noUncheckedIndexedAccess); in hot loops over typed arrays `!` states a bound that holds.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // `readonly` arrays of objects are the house style; `Array<T>` is not.
      '@typescript-eslint/array-type': ['error', { default: 'array' }],
      // Numbers in messages are wrapped in String() so that NaN and -0 are noticed; the rule says so.
      '@typescript-eslint/restrict-template-expressions': 'error',
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      // A `default` says what happens to the rest; without one every member must have its case.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // An enum-like union is compared with literals on purpose.
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { string: true } }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'max-lines': ['warn', { max: 350, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    // Numbers are 64 bits wide in the machine: `|` and `<<` cut to 32. Bit arithmetic belongs where widths are explicit.
    files: ['src/**/*.ts'],
    ignores: [
      'src/ebpf/**',
      'src/symbolic/**',
      'src/bdd/**',
      'src/policy/**',
      'src/intent/**',
      'src/effective/**',
      'src/snapshot/**',
      'src/collect/**',
      'src/verify/deciding.ts',
    ],
    rules: { 'no-bitwise': 'error' },
  },
  {
    files: ['test/**/*.ts', 'scripts/**/*.ts'],
    rules: {
      'no-console': 'off',
      'max-lines': 'off',
      // Vitest's matchers take methods unbound.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
