import type { Config } from 'jest';

const shared = {
  testEnvironment: 'node',
  transform: {},
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironmentOptions: { customExportConditions: ['gapferry-source', 'node', 'node-addons'] },
} satisfies NonNullable<Config['projects']>[number];

const pkg = (name: string) => ({
  ...shared,
  displayName: name,
  rootDir: `<rootDir>/packages/${name}`,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
});

export default {
  projects: [
    pkg('bundle-format'),
    pkg('repository'),
    pkg('station'),
    pkg('export-agent'),
    pkg('import-agent'),
    {
      ...shared,
      displayName: 'integration',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      setupFilesAfterEnv: ['<rootDir>/scripts/integration-timeout.mjs'],
    },
  ],
  // jest 30 takes testTimeout in a project too, but follows only this one; 'integration' sets its own in a setup file
  testTimeout: 20_000,
  coverageProvider: 'babel',
  collectCoverageFrom: ['packages/*/src/**/*.ts'],
  reporters: ['default', '<rootDir>/scripts/ci-reporter.mjs'],
} satisfies Config;
