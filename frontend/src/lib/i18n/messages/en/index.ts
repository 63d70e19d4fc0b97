import common from "./common.json";
import shell from "./shell.json";
import errors from "./errors.json";
import auth from "./auth.json";
import landing from "./landing.json";
import composer from "./composer.json";
import jobs from "./jobs.json";
import settings from "./settings.json";
import shortcuts from "./shortcuts.json";
import design from "./design.json";
import videos from "./videos.json";
import published from "./published.json";
import moderation from "./moderation.json";
import admin from "./admin.json";
import access from "./access.json";
import commands from "./commands.json";
import compare from "./compare.json";

export default { common, shell, errors, auth, landing, composer, jobs, settings, shortcuts, design, videos, published, moderation, admin, access, commands, compare };
