/** Whether a text is what a pattern of a setting means: `*` stands for anything, also for nothing; all else for itself. */
export function matches(glob: string, text: string): boolean {
	const literal = (part: string) => part.replaceAll(/[\\^$.+()|[\]{}?*]/g, "\\$&");
	return new RegExp(`^${glob.split("*").map(literal).join(".*")}$`, "s").test(text);
}
