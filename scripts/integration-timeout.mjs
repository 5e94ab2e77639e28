// Setup file of the jest project 'integration': whole-system tests may take a minute each.
import { jest } from '@jest/globals';

jest.setTimeout(60_000);
