// Starts the console: theme, language, session, and then the pages.

import { render } from "preact";

import { App, preload } from "./app";
import { applyLocale, applyTheme } from "./settings";
import "./style.css";

applyTheme();
preload(location.pathname);
const root = document.getElementById("console");
if (root === null) throw new Error("the page has no place for the console");
await applyLocale();
render(<App />, root);
