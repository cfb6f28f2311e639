// English: the texts of the console, and the reasons and rules as the project's documents say them.

import errors from "../../../docs/errors.md?raw";
import rules from "../../../docs/rules/README.md?raw";
import type { Catalogue } from "../text";
import { meanings, titles } from "./documents";
import { en } from "./en";

export const english: Catalogue = {
  texts: en,
  reasons: {
    ...meanings(errors, "Reasons of audit records"),
    ...meanings(errors, "Reasons of the sandbox"),
    ...meanings(errors, "Reasons of errors"),
  },
  violations: meanings(errors, "Reasons of field violations"),
  executionReasons: meanings(errors, "Reasons of executions"),
  rules: titles(rules),
};
