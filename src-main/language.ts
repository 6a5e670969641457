// The language service and its grammars for programs beside the command line: benches and test suites import what is
// built from this.
export { grammarLibrary, libraryGrammarText, loadGrammars } from './services/grammars.ts';
export { readAnswer } from './grammar/generate.ts';
export { Arbiter } from './jobs/arbiter.ts';
export { LanguageService } from './llama/language.ts';
export { launch } from './llama/launch.ts';
export { LogFile } from './llama/log-file.ts';
