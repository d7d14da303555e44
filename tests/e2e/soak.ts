/** True for the long forms: `./tracestack test --soak`. */
export const soak = process.env.TRACESTACK_SOAK === "1";
