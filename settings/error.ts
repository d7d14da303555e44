/** What a file says is wrong; the message lists every mistake. */
export class SettingsError extends Error {
	/** @param mistakes Each may have lines of its own. */
	static of(file: string, mistakes: string[]): SettingsError {
		const count = mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`;
		return new SettingsError(`${file} has ${count}:\n${mistakes.map((mistake) => `  ${mistake}`).join("\n")}`);
	}
}
