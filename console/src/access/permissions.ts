// The document of permissions, in a chunk of its own: only who opens the matrix loads it.

import permissions from "../../../docs/permissions.md?raw";

import { readMatrix, type MatrixRow } from "./matrix";

export const matrix: readonly MatrixRow[] = readMatrix(permissions);
