/** Numbers, times and works in words. */

const COUNT = new Intl.NumberFormat("en");
const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** 12345 as 12,345. */
export const number = (value) => COUNT.format(value);

/** Seconds as somebody would say them: 0.4 s, 12 s, 3 min 20 s, 5 h 10 min, 3 d. */
export function span(seconds) {
  if (seconds < 0.05) return "0 s";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < MINUTE_S) return `${whole} s`;
  if (whole < HOUR_S) return joined(whole, MINUTE_S, "min", 1, "s");
  if (whole < 2 * DAY_S) return joined(whole, HOUR_S, "h", MINUTE_S, "min");
  return `${number(Math.round(whole / DAY_S))} d`;
}

function joined(seconds, unit, name, smaller, smallerName) {
  const rest = Math.floor((seconds % unit) / smaller);
  return `${Math.floor(seconds / unit)} ${name}${rest > 0 ? ` ${rest} ${smallerName}` : ""}`;
}

/** Events a second; null is not known yet. */
export const pace = (perS) => (perS === null ? "–" : number(perS < 10 ? Math.round(perS * 10) / 10 : Math.round(perS)));

/** What "home_timelines" is called where there is room. */
export function spoken(name) {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
