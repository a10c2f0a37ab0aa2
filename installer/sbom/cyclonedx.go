package main

// The part of CycloneDX 1.5 that is used here, in the order that it is written in
// (cyclonedx.org/docs/1.5/json). Fields without omitempty are required.

type bom struct {
	Schema       string       `json:"$schema"`
	BOMFormat    string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	SerialNumber string       `json:"serialNumber"` // urn:uuid
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp  string     `json:"timestamp,omitempty"` // RFC 3339
	Component  component  `json:"component"`
	Properties []property `json:"properties,omitempty"`
}

type component struct {
	BOMRef   string   `json:"bom-ref"`
	Type     string   `json:"type"` // application or library
	Name     string   `json:"name"`
	Version  string   `json:"version,omitempty"`
	Hashes   []hash   `json:"hashes,omitempty"`
	Licences []choice `json:"licenses"`
	PURL     string   `json:"purl,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"` // hexadecimal
}

type choice struct {
	Licence licenceID `json:"license"`
}

type licenceID struct {
	ID string `json:"id"` // of SPDX
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}
