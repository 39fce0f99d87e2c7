package main

import (
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/engine"
)

// The part of SARIF 2.1.0 that code hosts show: one run of one tool, its rules,
// and a result for each finding. Source: OASIS, "Static Analysis Results
// Interchange Format (SARIF) Version 2.1.0", sections 3.13 to 3.30.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string    `json:"id"`
		Short   sarifText `json:"shortDescription"`
		Default struct {
			Level string `json:"level"`
		} `json:"defaultConfiguration"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		Rule      string          `json:"ruleId"`
		Index     int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		Line   int `json:"startLine"`
		Column int `json:"startColumn"`
	}
)

// packCode is the code of what is wrong in a pack's YAML or its files.
const packCode = "PACK"

// newSARIF returns a report as a SARIF log. Its places are relative to the pack.
func newSARIF(r checkReport) sarifLog {
	codes := engine.Codes()
	codes[packCode] = "not a pack: a file, a key or a value"
	ids := slices.Sorted(maps.Keys(codes))
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "evenkeel", Version: buildVersion()}
	for _, id := range ids {
		rule := sarifRule{ID: string(id), Short: sarifText{codes[id]}}
		rule.Default.Level = sarifLevel(id)
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule)
	}
	for _, f := range slices.Concat(r.Errors, r.Warnings) {
		code := engine.Code(f.Code)
		if code == "" {
			code = packCode
		}
		i, _ := slices.BinarySearch(ids, code)
		result := sarifResult{Rule: string(code), Index: i, Level: sarifLevel(code), Message: sarifText{f.Msg}}
		if f.Rule != "" {
			result.Message.Text = "rule " + f.Rule + ": " + f.Msg
		}
		if f.Hint != "" {
			result.Message.Text += "\n" + f.Hint
		}
		at := sarifPhysical{Artifact: sarifArtifact{f.File}}
		if f.Line > 0 {
			at.Region = &sarifRegion{f.Line, max(f.Column, 1)}
		}
		result.Locations = []sarifLocation{{at}}
		run.Results = append(run.Results, result)
	}
	return sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}

func sarifLevel(c engine.Code) string {
	if c.Doubtful() {
		return "warning"
	}
	return "error"
}
