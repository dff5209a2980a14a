import type { Dialect } from '@hub/http/dialect.js';
import { V1Module } from './v1.module.js';
import { v1Document } from './v1.openapi.js';
import { V1_WORDING } from './v1.wording.js';

/** The native API. */
export const V1: Dialect = { name: 'v1', module: V1Module, wording: V1_WORDING, document: v1Document };
