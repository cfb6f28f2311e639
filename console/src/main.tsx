// Starts the console: theme, language, session, and then the pages.

import { render } from "preact";

import { App } from "./app";
import { applyLocale, applyTheme } from "./settings";
import "./style.css";

applyTheme();
const root = document.getElementById("console");
if (root === null) throw new Error("the page has no place for the console");
await applyLocale();
render(<App />, root);
