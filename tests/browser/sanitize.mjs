// Put the HTML of stdin through JupyterLab's sanitizer, as a notebook that is not trusted does.
import { readFileSync } from "node:fs";
import { Sanitizer } from "./node_modules/jupyterlab-sanitizer.mjs";

process.stdout.write(new Sanitizer().sanitize(readFileSync(0, "utf-8")));
