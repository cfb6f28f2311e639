// Every page in the light theme: fits into 360 pixels, and has nothing that axe finds at that width. Its pictures are kept in build/screenshots.

import { NARROW } from "./browser.mjs";
import { everyPageFits } from "./every_page.mjs";

everyPageFits("light", NARROW);
