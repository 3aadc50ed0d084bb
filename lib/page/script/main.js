// What the page of a folder does with script. Without it the page works all the same.

import "./theme.js";
import "./uploads.js";
import "./list.js";
import "./changes.js";
import "./previews.js";
