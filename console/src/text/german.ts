// German: the texts of the console, and the reasons and rules.

import type { Catalogue } from "../text";
import { de } from "./de";
import { executionReasons, reasons, violations } from "./de-reasons";
import { rules } from "./de-rules";

export const german: Catalogue = { texts: de, reasons, violations, executionReasons, rules };
