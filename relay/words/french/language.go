package french

// language has the sentences of relay/words/language.go.
var language = sentences{
	"2006-01-02 15:04 MST": {"02/01/2006 à 15:04 MST"},
	"2006-01-02 15:04":     {"02/01/2006 à 15:04"},
	"15:04":                {"15:04"},
	"; ":                   {" ; "},
	"%d h":                 {"%d~h"},
	"%d min":               {"%d~min"},
	"%d s":                 {"%d~s"},
}
